"""What is noted of meetings: messages that wait to be delivered, and resources."""
