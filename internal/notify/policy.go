package notify

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Policy is an SNS filter policy on message attributes, of the one kind that the café uses:
// a message passes if, for each key of the policy, its attribute of that name has one of the
// values. The empty policy lets every message pass.
type Policy map[string][]string

// ParsePolicy reads a policy document. The empty document is the empty policy. Anything that
// SNS knows and the café does not use (prefixes, numbers, anything-but, nesting) is an error:
// otherwise the folder would filter differently from SNS.
func ParsePolicy(document string) (Policy, error) {
	if document == "" {
		return nil, nil
	}
	var p Policy
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return nil, fmt.Errorf("filter policy %s: %w", document, err)
	}
	for key, values := range p {
		if len(values) == 0 {
			return nil, fmt.Errorf("filter policy %s: no value for %q", document, key)
		}
	}
	return p, nil
}

// Match reports whether a message with these attributes passes.
func (p Policy) Match(attributes map[string]string) bool {
	for key, values := range p {
		if value, has := attributes[key]; !has || !slices.Contains(values, value) {
			return false
		}
	}
	return true
}

// CustomerKey is the attribute that names a message's customer.
const CustomerKey = "customer_id"

// ForCustomer returns the policy of a customer's own subscription.
func ForCustomer(id string) Policy { return Policy{CustomerKey: {id}} }
