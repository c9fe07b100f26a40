"""What Slack shows: state in, Block Kit out; pure. One surface a file."""
