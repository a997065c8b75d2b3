"""What a lab is, the learner's answers, and how they take the place of ours."""
