"""What Slack shows: state in, Block Kit out; pure. One surface per file."""
