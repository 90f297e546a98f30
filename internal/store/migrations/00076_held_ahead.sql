-- What is held ahead of requests to models, among those that are under way: only its rows name no provider.
CREATE INDEX shroud_open_ahead ON shroud_open (provider, created_at) WHERE provider = '';
