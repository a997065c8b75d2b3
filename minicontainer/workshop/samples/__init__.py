"""Small images for the checks and pages of several labs; what one lab needs stands beside it."""
