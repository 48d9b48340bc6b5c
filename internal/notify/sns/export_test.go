package sns

import "cafe/internal/outbox"

// For the tests outside of the package.
var NewClient = newClient

// New returns a notifier on a client, which may be a stand-in for the SDK's.
func New(api client, topics map[outbox.Topic]string) *Notifier {
	return &Notifier{api: api, topics: topics}
}
