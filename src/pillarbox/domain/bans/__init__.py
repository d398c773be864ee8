"""Networks from which no mail is taken: barred by admins, or for what they did."""
