"""HTTP: requests from connections to applications, logins, and limits; what web faces stand on."""
