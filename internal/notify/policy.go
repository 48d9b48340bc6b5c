package notify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Policy is an SNS filter policy on message attributes, of the kind that the café uses:
// for each of its keys the message has an attribute with one of the values. The empty
// policy lets every message through.
type Policy map[string][]string

// ParsePolicy reads a policy document; the empty one is the empty policy. It refuses
// what SNS knows and the café does not use (prefixes, numbers, anything-but, nesting),
// so that nothing is filtered otherwise than SNS would.
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

// Match tells whether a message with these attributes gets through.
func (p Policy) Match(attributes map[string]string) bool {
	for key, values := range p {
		if value, has := attributes[key]; !has || !slices.Contains(values, value) {
			return false
		}
	}
	return true
}

// ForCustomer is the policy of a customer's own subscription.
func ForCustomer(id string) Policy { return Policy{customerKey: {id}} }

const customerKey = "customer_id"

// forCustomers tells whether the policy is that of customers' own subscriptions.
func (p Policy) forCustomers() bool { return len(p[customerKey]) > 0 }

// with returns the policy that lets a customer's messages through, too.
func (p Policy) with(customer string) Policy {
	q := p.without(customer)
	q[customerKey] = append(q[customerKey], customer)
	return q
}

// without returns the policy that no longer names a customer.
func (p Policy) without(customer string) Policy {
	q := maps.Clone(p)
	q[customerKey] = slices.DeleteFunc(slices.Clone(p[customerKey]), func(id string) bool { return id == customer })
	return q
}

func (p Policy) document() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}
