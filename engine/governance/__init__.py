"""Who has to say yes, and who did: approvals bound to what they were given for, and second looks at emergencies."""
