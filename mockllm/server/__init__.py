"""The only floor that knows time and sockets: player, application, admin API."""
