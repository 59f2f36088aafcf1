"""Push delivery: workers that send the messages of subscriptions to their receivers."""
