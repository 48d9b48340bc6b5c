package cafetest

import (
	"sync"

	"cafe/internal/table/tabletest"
)

// Call is a call to one of the café's ports.
type Call struct {
	N    int    // 1 for the first to any of them
	Name string // the method's: Get, Query, Scan, Write, Publish, Subscribe, Open, …
}

// Trouble is what happens to a call; the zero Trouble is nothing.
type Trouble struct {
	Before error  // is returned, and nothing is done
	After  error  // is returned once it is done
	Then   func() // is called once it is done, before the caller has the answer
}

// Ports number the calls to all of a café's ports together, and let trouble happen to
// them. Make them with Beset.
type Ports struct {
	mu     sync.Mutex
	calls  []Call
	script func(Call) Trouble
}

// Beset has the script asked about each call from now on, one at a time: to the table,
// the notifier and the files, numbered together. A nil script lets all be. The notifier
// and the files do not look at their contexts, so that what is done Then may as well be
// done before.
func (c *Cafe) Beset(files *Files, script func(Call) Trouble) *Ports {
	p := &Ports{script: script}
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
		trouble := p.next(call.Method)
		return tabletest.Fault{Before: trouble.Before, After: trouble.After, Then: trouble.Then}
	})
	c.Notifier.Fail(func(_ int, what string) (before, after error) { return p.Asked(what) })
	files.beset(func(what, _ string) (before, after error) { return p.Asked(what) })
	return p
}

// Asked numbers a call to another port, and tells what that has to return: before it does
// anything, and after.
func (p *Ports) Asked(name string) (before, after error) {
	trouble := p.next(name)
	if trouble.Then != nil {
		trouble.Then()
	}
	return trouble.Before, trouble.After
}

// Calls returns the calls so far.
func (p *Ports) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Call(nil), p.calls...)
}

func (p *Ports) next(name string) Trouble {
	p.mu.Lock()
	defer p.mu.Unlock()
	call := Call{N: len(p.calls) + 1, Name: name}
	p.calls = append(p.calls, call)
	if p.script == nil {
		return Trouble{}
	}
	return p.script(call)
}
