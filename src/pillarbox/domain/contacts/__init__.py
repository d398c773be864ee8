"""What the server makes of address books: who is a contact, and birthdays."""
