"""What is known of TLS with other servers: their policies, their hosts, and how it went."""
