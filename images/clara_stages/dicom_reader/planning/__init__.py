"""What could be made of each series, which of it the workflow wants, and what a person should know about it."""
