"""Notifications: the record of events becomes messages, and each message is sent until it arrives or is given up."""
