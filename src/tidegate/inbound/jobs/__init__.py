"""What runs by itself: relay, refresh on notify, schedules."""
