package dynamo

import "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

// Capacity is the cost of one call, as DynamoDB reports it. Calls that fail are not
// reported, although a write whose condition fails costs as much as the write itself.
type Capacity struct {
	Call        string             // "GetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem" or "TransactWriteItems"
	Read, Write float64            // capacity units of the table and its indexes together
	Indexes     map[string]float64 // the part of them that each index took, by its name
}

func (t *Table) read(call string, used *types.ConsumedCapacity) {
	if t.report != nil && used != nil {
		c := capacity(call, used)
		c.Read = units(used.CapacityUnits)
		t.report(c)
	}
}

func (t *Table) wrote(call string, used *types.ConsumedCapacity) {
	if t.report != nil && used != nil {
		c := capacity(call, used)
		c.Read = units(used.ReadCapacityUnits)
		c.Write = units(used.CapacityUnits) - c.Read
		t.report(c)
	}
}

func capacity(call string, used *types.ConsumedCapacity) Capacity {
	c := Capacity{Call: call}
	for name, index := range used.GlobalSecondaryIndexes {
		if c.Indexes == nil {
			c.Indexes = map[string]float64{}
		}
		c.Indexes[name] = units(index.CapacityUnits)
	}
	return c
}

func units(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}
