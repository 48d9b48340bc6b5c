package sns

import (
	"encoding/json"
	"maps"
	"slices"

	"cafe/internal/notify"
)

// forCustomers reports whether a policy is that of customers' own subscriptions.
func forCustomers(p notify.Policy) bool { return len(p[notify.CustomerKey]) > 0 }

// with returns the policy p that lets a customer's messages pass, too.
func with(p notify.Policy, customer string) notify.Policy {
	q := without(p, customer)
	q[notify.CustomerKey] = append(q[notify.CustomerKey], customer)
	return q
}

// without returns the policy p that no longer names a customer.
func without(p notify.Policy, customer string) notify.Policy {
	q := maps.Clone(p)
	q[notify.CustomerKey] = slices.DeleteFunc(slices.Clone(p[notify.CustomerKey]), func(id string) bool { return id == customer })
	return q
}

func document(p notify.Policy) string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}
