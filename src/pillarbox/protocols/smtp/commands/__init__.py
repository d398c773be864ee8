"""What the commands of SMTP and LMTP do, a family to a module."""
