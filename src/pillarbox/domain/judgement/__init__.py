"""What the checks of a message come to: findings, the rules of whom it is for, the verdict."""
