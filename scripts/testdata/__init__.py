"""What scripts/make_test_data.py builds its captures of: frames, capture files, and what is expected of both."""
