"""What all reports by mail have in common: the mail around them, packing, and whom they are for."""
