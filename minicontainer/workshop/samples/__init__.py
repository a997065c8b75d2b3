"""Images and servers for the checks and pages of several labs; one lab's own stand beside it."""
