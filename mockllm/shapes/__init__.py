"""Error shapes and named answers: data, one file a shape or a producer of answers."""
