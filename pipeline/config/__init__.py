"""What a user may write, and how it becomes a Config."""
