package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"sort"
	"strings"
)

// mutant is one small change of the code.
type mutant struct {
	number     int // from 1
	kind       string
	file       string // the path
	line, col  int
	start, end int    // the bytes of the file that it changes
	was, now   string // in short, for people

	// switched returns the code with the change behind a switch, given the code with the
	// changes inside of it. It is nil for a change that must be compiled by itself.
	switched func(inner string) string
	alone    string // for such a change: the new text
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s → %s", m.file, m.line, m.col, m.kind, m.was, m.now)
}

// finder looks for mutants in one file.
type finder struct {
	fset *token.FileSet
	info *types.Info
	path string
	src  string
	next *int // the number of the next mutant

	found   []mutant
	parents []ast.Node
}

// Names that the mutated package gets.
const (
	isOn = "mutantIsOn"
	pick = "mutantPick"
)

func (f *finder) text(n ast.Node) string {
	return f.src[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset]
}

func (f *finder) on() string  { return fmt.Sprintf("%s(%d)", isOn, *f.next) }
func (f *finder) off() string { return "!" + f.on() }

// add notes a mutant of a node, for which switched is the code.
func (f *finder) add(n ast.Node, kind, now string, switched func(inner string) string) {
	at := f.fset.Position(n.Pos())
	f.found = append(f.found, mutant{
		number: *f.next, kind: kind, file: f.path, line: at.Line, col: at.Column, start: at.Offset, end: f.fset.Position(n.End()).Offset,
		was: short(f.text(n)), now: short(now), switched: switched,
	})
	*f.next++
}

func short(code string) string {
	code = strings.Join(strings.Fields(code), " ")
	if r := []rune(code); len(r) > 70 {
		code = string(r[:67]) + "…"
	}
	return code
}

// look finds the mutants of a file.
func (f *finder) look(file *ast.File) []mutant {
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			f.parents = f.parents[:len(f.parents)-1]
			return true
		}
		f.node(n)
		f.parents = append(f.parents, n)
		return true
	})
	sort.SliceStable(f.found, func(i, j int) bool { return f.found[i].start < f.found[j].start })
	return f.found
}

func (f *finder) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.GenDecl:
		if n.Tok == token.CONST {
			f.constants(n)
		}
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CommClause:
		f.statements(n.Body)
	case *ast.CaseClause:
		f.statements(n.Body)
		if s, ok := f.parent(1).(*ast.SwitchStmt); ok && s.Tag == nil {
			for _, e := range n.List {
				f.negate(e)
			}
		}
	case *ast.IfStmt:
		f.negate(n.Cond)
	case *ast.ReturnStmt:
		f.returned(n)
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.BasicLit:
		f.literal(n)
	case *ast.Ident:
		f.flag(n)
	}
}

// parent returns the node that is so many levels up, 0 for the nearest.
func (f *finder) parent(up int) ast.Node {
	if i := len(f.parents) - 1 - up; i >= 0 {
		return f.parents[i]
	}
	return nil
}

// fixed reports whether the node is in a declaration that only takes constants.
func (f *finder) fixed() bool {
	for _, p := range f.parents {
		switch p := p.(type) {
		case *ast.GenDecl:
			if p.Tok == token.CONST {
				return true
			}
		case *ast.ArrayType, *ast.StructType:
			return true
		}
	}
	return false
}

func (f *finder) isBool(e ast.Expr) bool {
	t := f.info.TypeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

func (f *finder) isConstant(e ast.Expr) bool { return f.info.Types[e].Value != nil }

func (f *finder) negate(cond ast.Expr) {
	if !f.isBool(cond) || f.isConstant(cond) {
		return
	}
	on := f.on()
	f.add(cond, "condition negated", "!("+f.text(cond)+")", func(inner string) string { return "(" + on + " != (" + inner + "))" })
}

var boundaries = map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}

var arithmetic = map[token.Token]string{token.ADD: "-", token.SUB: "+", token.MUL: "+", token.QUO: "*", token.REM: "*"}

func (f *finder) binary(n *ast.BinaryExpr) {
	if f.fixed() || f.isConstant(n) {
		return
	}
	x, y, on, off := f.text(n.X), f.text(n.Y), f.on(), f.off()
	switch n.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		now := x + " " + boundaries[n.Op] + " " + y
		f.add(n, "boundary moved", now, func(inner string) string { return "(" + on + " && (" + now + ") || " + off + " && (" + inner + "))" })
	case token.LAND:
		f.part(n.X, "true")
		f.part(n.Y, "true")
	case token.LOR:
		f.part(n.X, "false")
		f.part(n.Y, "false")
	default:
		b, ok := f.info.TypeOf(n).Underlying().(*types.Basic)
		other, known := arithmetic[n.Op]
		if !known || !ok || b.Info()&types.IsNumeric == 0 || calls(n) {
			return
		}
		now := "(" + x + ") " + other + " (" + y + ")"
		f.add(n, "arithmetic changed", now, func(inner string) string { return pick + "(" + on + ", " + now + ", " + inner + ")" })
	}
}

// part takes a part of a condition out.
func (f *finder) part(e ast.Expr, value string) {
	on, off := f.on(), f.off()
	f.add(e, "part of a condition dropped", value, func(inner string) string {
		if value == "true" {
			return "(" + on + " || (" + inner + "))"
		}
		return "(" + off + " && (" + inner + "))"
	})
}

// calls reports whether an expression calls anything that it would matter to call twice.
func calls(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name, ok := n.Fun.(*ast.Ident)
			found = found || !ok || name.Name != "len" && name.Name != "int64" && name.Name != "int" && name.Name != "float64"
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		}
		return true
	})
	return found
}

// literal changes a number. When it is a part of a constant expression, such as 5 * time.Second,
// the expression is changed as a whole.
func (f *finder) literal(n *ast.BasicLit) {
	if n.Kind != token.INT || f.fixed() {
		return
	}
	var whole ast.Expr = n
	for up := 0; ; up++ {
		e, ok := f.parent(up).(ast.Expr)
		if !ok || !f.isConstant(e) {
			if b, shift := e.(*ast.BinaryExpr); shift && (b.Op == token.SHL || b.Op == token.SHR) {
				return
			}
			break
		}
		whole = e
	}
	t := f.info.TypeOf(whole)
	if b, ok := t.Underlying().(*types.Basic); !ok || b.Info()&types.IsNumeric == 0 {
		return
	}
	name, on := types.TypeString(types.Default(t), (*types.Package).Name), f.on()
	if i := strings.LastIndexByte(name, '.'); i > 0 && name[:i] == f.packageName() {
		name = name[i+1:]
	}
	at, text := int(n.Pos()-whole.Pos()), f.text(whole)
	now := text[:at] + "(" + n.Value + "+1)" + text[at+len(n.Value):]
	f.add(whole, "constant changed", now, func(inner string) string { return pick + "[" + name + "](" + on + ", " + now + ", " + inner + ")" })
}

func (f *finder) packageName() string { return f.parents[0].(*ast.File).Name.Name }

func (f *finder) flag(n *ast.Ident) {
	value := f.info.Types[n].Value
	if n.Name != "true" && n.Name != "false" || value == nil || value.Kind() != constant.Bool || f.fixed() || f.info.Uses[n] != types.Universe.Lookup(n.Name) {
		return
	}
	on, off := f.on(), f.off()
	if n.Name == "true" {
		f.add(n, "flag changed", "false", func(string) string { return off })
	} else {
		f.add(n, "flag changed", "true", func(string) string { return on })
	}
}

// constants finds the numbers in a declaration of constants. Each is compiled by itself.
func (f *finder) constants(d *ast.GenDecl) {
	ast.Inspect(d, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if ok && lit.Kind == token.INT {
			f.add(lit, "constant changed", lit.Value+"+1", nil)
			f.found[len(f.found)-1].alone = "(" + lit.Value + "+1)"
		}
		return true
	})
}

// statements finds statements that can be dropped.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE || len(s.Lhs) == 1 && f.text(s.Lhs[0]) == "_" {
				continue
			}
		case *ast.ExprStmt:
			if f.idle(s.X) {
				continue
			}
		case *ast.DeferStmt:
			if f.idle(s.Call) {
				continue
			}
		case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt:
		default:
			continue
		}
		off := f.off()
		f.add(s, "statement dropped", "", func(inner string) string { return "if " + off + " { " + inner + " }" })
	}
}

// idle reports whether a call is for people only, or is a lock, whose absence no test can be
// sure to see.
func (f *finder) idle(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name := f.text(call.Fun)
	for _, end := range []string{".Lock", ".Unlock", ".RLock", ".RUnlock", ".Close"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return strings.HasPrefix(name, "slog.") || strings.HasPrefix(name, "metric.") || name == "panic"
}

// returned finds errors that can be swallowed, and answers that can be turned round.
func (f *finder) returned(r *ast.ReturnStmt) {
	if len(r.Results) == 0 {
		return
	}
	results := f.results()
	last := r.Results[len(r.Results)-1]
	if results != nil && results.Len() == len(r.Results) && types.Identical(results.At(results.Len()-1).Type(), types.Universe.Lookup("error").Type()) && f.text(last) != "nil" {
		on, now := f.on(), "return "
		for _, e := range r.Results[:len(r.Results)-1] {
			now += f.text(e) + ", "
		}
		now += "nil"
		done := now
		if _, call := last.(*ast.CallExpr); call {
			done = "_ = " + f.text(last) + "; " + now
		}
		f.add(r, "error swallowed", now, func(inner string) string { return "if " + on + " { " + done + " }; " + inner })
	}
	for _, e := range r.Results {
		f.negate(e)
	}
}

// results returns what the function around the node returns.
func (f *finder) results() *types.Tuple {
	for i := len(f.parents) - 1; i >= 0; i-- {
		switch p := f.parents[i].(type) {
		case *ast.FuncLit:
			return f.info.TypeOf(p).(*types.Signature).Results()
		case *ast.FuncDecl:
			return f.info.Defs[p.Name].Type().(*types.Signature).Results()
		}
	}
	return nil
}

// render returns the source with all mutants behind switches.
func render(src string, mutants []mutant) string {
	sorted := append([]mutant(nil), mutants...)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].start != sorted[j].start {
			return sorted[i].start < sorted[j].start
		}
		return sorted[i].end > sorted[j].end // the outer one first
	})
	text, rest := renderSpan(src, 0, len(src), sorted)
	if len(rest) > 0 {
		panic("mutants overlap: " + rest[0].String())
	}
	return text
}

// renderSpan renders src[from:to] with the mutants in it, and returns those that are after it.
func renderSpan(src string, from, to int, mutants []mutant) (text string, rest []mutant) {
	var b strings.Builder
	for len(mutants) > 0 && mutants[0].start < to && mutants[0].end <= to {
		m := mutants[0]
		b.WriteString(src[from:m.start])
		inner, after := renderSpan(src, m.start, m.end, mutants[1:])
		b.WriteString(m.switched(inner))
		from, mutants = m.end, after
	}
	b.WriteString(src[from:to])
	return b.String(), mutants
}
