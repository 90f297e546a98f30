package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"net/http"
	"slices"
	"strings"
)

// made is one place that makes an error.
type made struct {
	dir     string
	kind    string // of package fault; empty for a bare HTTP status
	status  int    // 0: it depends on the request
	code    string
	details []string
}

// maker is a function that makes an error from its arguments: where among them
// the kind (or status), the code and the detail are, or what they always are.
type maker struct {
	kind, status, code, detail int // positions; -1 when fixed
	fixed                      made
}

// known are the makers that all others are built on.
var known = map[string]maker{
	"console.Usage":        {kind: -1, status: -1, code: -1, detail: 0, fixed: made{kind: "Invalid", status: http.StatusBadRequest, code: "usage"}},
	"fault.New":            {kind: 0, status: -1, code: 1, detail: 2},
	"fault.Wrap":           {kind: 1, status: -1, code: 2, detail: 3},
	"httpapi.newProblem":   {kind: -1, status: 0, code: 1, detail: 2},
	"mcpserver.refuse":     {kind: -1, status: 1, code: 2, detail: 3},
	"mcpserver.badMessage": {kind: -1, status: 0, code: 1, detail: 2},
}

// finder looks through one package for calls of makers.
type finder struct {
	t        *tree
	p        *pkg
	statuses map[string]int
	makers   map[string]maker // functions of this package
	found    []made
	fn       *ast.FuncDecl // the function that is looked at
	changed  bool
}

// scan returns every error that the packages make.
func (t *tree) scan(statuses map[string]int) []made {
	var all []made
	for _, p := range t.pkgs {
		f := &finder{t: t, p: p, statuses: statuses, makers: map[string]maker{}}
		// A function that hands its own arguments on is a maker too. Look again
		// until no more of them turn up.
		for f.changed = true; f.changed; {
			f.changed, f.found = false, nil
			f.look()
		}
		all = append(all, f.found...)
	}
	return all
}

func (f *finder) look() {
	for _, file := range f.p.files {
		for _, d := range file.Decls {
			f.fn, _ = d.(*ast.FuncDecl)
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					f.call(n)
				case *ast.CompositeLit:
					f.composite(n)
				}
				return true
			})
		}
	}
}

func (f *finder) call(c *ast.CallExpr) {
	name := ""
	switch fun := c.Fun.(type) {
	case *ast.Ident:
		name = f.base() + "." + fun.Name
	case *ast.SelectorExpr:
		x, sel := selector(fun)
		name = x + "." + sel
	}
	m, ok := known[name]
	if !ok {
		if m, ok = f.makers[name]; !ok {
			return
		}
	}
	arg := func(i int) ast.Expr {
		if i < 0 || i >= len(c.Args) {
			return nil
		}
		return c.Args[i]
	}
	f.make(m, name, arg(m.kind), arg(m.status), arg(m.code), arg(m.detail))
}

// composite takes fault.Error{Kind: ..., Code: ..., Detail: ...}.
func (f *finder) composite(c *ast.CompositeLit) {
	if x, name := selector(c.Type); x != "fault" || name != "Error" {
		return
	}
	field := map[string]ast.Expr{}
	for _, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok {
				field[id.Name] = kv.Value
			}
		}
	}
	f.make(maker{}, "fault.Error", field["Kind"], nil, field["Code"], field["Detail"])
}

// make notes one error, or that the function around it is a maker.
func (f *finder) make(m maker, name string, kind, status, code, detail ast.Expr) {
	out := m.fixed
	out.dir = f.p.dir
	if kind != nil {
		if _, out.kind = selector(kind); out.kind == "" || f.statuses[out.kind] == 0 {
			return // handed through from another error
		}
		out.status = f.statuses[out.kind]
	}
	if status != nil {
		_, constant := selector(status)
		if out.status = statusOf(constant); out.status == 0 {
			out.status = f.caseOf(status)
		}
	}
	next := maker{kind: -1, status: -1, code: -1, detail: -1}
	if code != nil {
		text, ok := f.code(code)
		if next.code = f.param(code); !ok && next.code < 0 {
			return
		}
		out.code = text
	}
	if detail != nil {
		if next.detail = f.param(detail); next.detail < 0 {
			out.details = f.details(detail)
		}
	}
	if f.base()+"."+f.enclosing() == name || next.code < 0 && next.detail < 0 {
		if out.code != "" {
			f.found = append(f.found, out)
		}
		return
	}
	if f.fn.Recv != nil {
		f.found = append(f.found, out) // methods are not followed
		return
	}
	next.fixed = out
	if key := f.base() + "." + f.fn.Name.Name; !f.isMaker(key) {
		f.makers[key], f.changed = next, true
	}
}

func (f *finder) isMaker(key string) bool {
	_, ok := f.makers[key]
	return ok
}

func (f *finder) base() string { return f.p.files[0].Name.Name }

func (f *finder) enclosing() string {
	if f.fn == nil {
		return ""
	}
	return f.fn.Name.Name
}

// param is the position of e among the enclosing function's parameters, or -1.
// A format with its arguments counts as its format.
func (f *finder) param(e ast.Expr) int {
	if c, ok := e.(*ast.CallExpr); ok {
		if _, name := selector(c.Fun); name == "Sprintf" {
			e = c.Args[0]
		}
	}
	id, ok := e.(*ast.Ident)
	if !ok || f.fn == nil {
		return -1
	}
	n := 0
	for _, field := range f.fn.Type.Params.List {
		for _, name := range field.Names {
			if name.Name == id.Name {
				return n
			}
			n++
		}
	}
	return -1
}

// caseOf is the status of the case clause around a variable, or 0.
func (f *finder) caseOf(e ast.Expr) (status int) {
	if f.fn == nil {
		return 0
	}
	ast.Inspect(f.fn, func(n ast.Node) bool {
		if c, ok := n.(*ast.CaseClause); ok && len(c.List) == 1 && c.Pos() <= e.Pos() && e.End() <= c.End() {
			_, constant := selector(c.List[0])
			status = statusOf(constant)
		}
		return true
	})
	return status
}

// text is a string that the code holds: a literal or a constant.
func (f *finder) text(e ast.Expr) (string, bool) {
	if s, ok := literal(e); ok {
		return s, true
	}
	switch e := e.(type) {
	case *ast.Ident:
		s, ok := f.p.consts[e.Name]
		return s, ok
	case *ast.SelectorExpr:
		if x, name := selector(e); f.t.byID[x] != nil {
			s, ok := f.t.byID[x].consts[name]
			return s, ok
		}
	}
	return "", false
}

// code is text, or a text with a variable behind it: "invalid_"+field is
// invalid_FIELD.
func (f *finder) code(e ast.Expr) (string, bool) {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.ADD {
		front, known := f.text(b.X)
		back, ok := b.Y.(*ast.Ident)
		if known && ok {
			return front + strings.ToUpper(back.Name), true
		}
	}
	return f.text(e)
}

// details are the texts that an expression may be. What varies is an ellipsis.
func (f *finder) details(e ast.Expr) []string {
	if s, ok := f.text(e); ok {
		return []string{s}
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return []string{f.one(e.X) + f.one(e.Y)}
		}
	case *ast.CallExpr:
		name := ""
		switch fun := e.Fun.(type) {
		case *ast.Ident:
			name = fun.Name
		case *ast.SelectorExpr:
			x, sel := selector(fun)
			if x == "fmt" && sel == "Sprintf" {
				return []string{verbs.Replace(f.one(e.Args[0]))}
			}
			name = sel
		}
		return f.returned(name)
	case *ast.Ident:
		return f.returned(f.assigned(e.Name))
	}
	return nil
}

var verbs = strings.NewReplacer("%d", "…", "%s", "…", "%v", "…", "%q", "…")

func (f *finder) one(e ast.Expr) string {
	if d := f.details(e); len(d) == 1 {
		return verbs.Replace(d[0])
	}
	return "…"
}

// returned are the literals that a function of this package returns.
func (f *finder) returned(name string) []string {
	var out []string
	for _, fn := range f.p.funcs[name] {
		ast.Inspect(fn, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok {
				for _, e := range r.Results {
					if s, ok := f.text(e); ok && s != "" {
						out = append(out, s)
					}
				}
			}
			return true
		})
	}
	return out
}

// assigned is the function whose result a variable was given.
func (f *finder) assigned(variable string) string {
	name := ""
	if f.fn == nil {
		return name
	}
	ast.Inspect(f.fn, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || len(a.Rhs) != 1 {
			return true
		}
		for _, l := range a.Lhs {
			if id, ok := l.(*ast.Ident); ok && id.Name == variable {
				if c, ok := a.Rhs[0].(*ast.CallExpr); ok {
					if id, ok := c.Fun.(*ast.Ident); ok {
						name = id.Name
					} else {
						_, name = selector(c.Fun)
					}
				}
			}
		}
		return true
	})
	return name
}

// statusOf is the number of a constant of net/http, or 0.
func statusOf(constant string) int {
	for n := 100; n < 600; n++ {
		if t := http.StatusText(n); t != "" && "Status"+strings.NewReplacer(" ", "", "-", "").Replace(t) == constant {
			return n
		}
	}
	return 0
}

// statusTable reads the one map of kinds to statuses, in httpapi.
func (t *tree) statusTable() (map[string]int, error) {
	out := map[string]int{}
	if p := t.byID["httpapi"]; p != nil {
		if lit, ok := p.vars["statuses"].(*ast.CompositeLit); ok {
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				_, kind := selector(kv.Key)
				_, constant := selector(kv.Value)
				out[kind] = statusOf(constant)
			}
		}
	}
	if len(out) < 10 || slices.Contains(valuesOf(out), 0) {
		return nil, fmt.Errorf("the map of kinds to statuses in internal/httpapi can't be read: %v", out)
	}
	return out, nil
}

func valuesOf(m map[string]int) []int {
	var out []int
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
