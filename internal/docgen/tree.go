package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// pkg is one package as it is written: all files but tests, whatever build they
// are for.
type pkg struct {
	dir    string // within the module: internal/vault
	files  []*ast.File
	consts map[string]string // string constants
	funcs  map[string][]*ast.FuncDecl
	vars   map[string]ast.Expr // package variables
}

type tree struct {
	fset *token.FileSet
	pkgs []*pkg
	byID map[string]*pkg // by the name that others use for it
}

// readTree parses the program's packages.
func readTree(root string) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), byID: map[string]*pkg{}}
	byDir := map[string]*pkg{}
	for _, top := range []string{"client", "cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testkit" || d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test") || d.Name() == "docgen"):
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			f, err := parser.ParseFile(t.fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, filepath.Dir(name))
			if err != nil {
				return err
			}
			dir := filepath.ToSlash(rel)
			p := byDir[dir]
			if p == nil {
				p = &pkg{dir: dir, consts: map[string]string{}, funcs: map[string][]*ast.FuncDecl{}, vars: map[string]ast.Expr{}}
				byDir[dir] = p
				t.pkgs = append(t.pkgs, p)
				t.byID[path.Base(dir)] = p
			}
			p.add(f)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (p *pkg) add(f *ast.File) {
	p.files = append(p.files, f)
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			p.funcs[d.Name.Name] = append(p.funcs[d.Name.Name], d)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				v, ok := s.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, name := range v.Names {
					if i >= len(v.Values) {
						break
					}
					if d.Tok == token.VAR {
						p.vars[name.Name] = v.Values[i]
					} else if text, ok := literal(v.Values[i]); ok {
						p.consts[name.Name] = text
					}
				}
			}
		}
	}
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// selector splits pkg.Name.
func selector(e ast.Expr) (x, name string) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if id, ok := s.X.(*ast.Ident); ok {
		return id.Name, s.Sel.Name
	}
	return "", s.Sel.Name
}
