"""What a healthy server would say, before any provider's shape. One file per script. Pure."""
