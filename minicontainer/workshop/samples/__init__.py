"""Images for the checks and pages of several labs; what one lab alone needs stands beside it."""
