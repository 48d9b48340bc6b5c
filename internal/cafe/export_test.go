package cafe

import "time"

// Settle sets how long Reconcile gives the stream to catch up.
func (c *Cafe) Settle(d time.Duration) { c.settle = d }
