package stack_test

import (
	"testing"
)

// The deliverer alone may put events, on the one bus, with the source that it names, and only
// when there is a bus.
func TestOnlyTheDelivererPutsEventsAndOnlyOnTheBus(t *testing.T) {
	const arn = "arn:aws:events:eu-west-2:210987654321:event-bus/shop"
	for bus, resource := range map[string]string{
		"":     "",
		"shop": `{"Fn::Sub":"arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/shop"}`,
		arn:    arn,
	} {
		p := with(t, "EventBus="+bus)
		for _, name := range []string{"DelivererFunction", "LedgerFunction"} {
			if got := p.one(name).at("Environment", "Variables", "CAFE_EVENT_BUS"); got != bus {
				t.Errorf("EventBus=%s: %s is told %v", bus, name, got)
			}
		}
		source := text(p.one("DelivererFunction").at("Environment", "Variables", "CAFE_EVENT_SOURCE"))
		may := 0
		for _, s := range granted(p) {
			for _, action := range s.actions {
				if action != "events:PutEvents" {
					continue
				}
				may++
				if s.of != "DelivererRole" || len(s.actions) != 1 || len(s.resources) != 1 || text(s.resources[0]) != resource {
					t.Errorf("EventBus=%s: %s may %v on %v", bus, s.of, s.actions, s.resources)
				}
				if got := text(at(s.whole, "Condition", "ForAllValues:StringEquals", "events:source")); got != source || got != `{"Fn::Sub":"cafe.${AWS::StackName}"}` {
					t.Errorf("EventBus=%s: the source may be %s, and is %s", bus, got, source)
				}
			}
		}
		if want := map[bool]int{true: 0, false: 1}[bus == ""]; may != want {
			t.Errorf("EventBus=%s: %d statements allow PutEvents, want %d", bus, may, want)
		}
	}
}
