"""What an edit costs, beside plain pictures of the same number in the same batch."""
