package notify

import "cafe/internal/cafe"

// NewSNSOn is NewSNS on a stand-in for the SDK's client.
func NewSNSOn(api snsAPI, topics map[cafe.Topic]string) *SNS { return &SNS{api: api, topics: topics} }
