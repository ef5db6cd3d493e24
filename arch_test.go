package margay

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/margay-audit/margay"

// mayImport is the import table of the house: for each package the packages of
// Margay that its non-test files may import. A package that is not listed here
// is a mistake, and so is an arrow that is not.
var mayImport = map[string][]string{
	"event":             {},
	"extjson":           {},
	"schema":            {"event", "extjson"},
	"auditlog":          {"event", "extjson"},
	"auditlog/synth":    {"extjson"},
	"source":            {"event"},
	"source/sourcetest": {"event", "source"},
	"source/file":       {"event", "extjson", "source"},
	"store/parquet":     {},
	"store/segment":     {"event", "schema", "store/parquet"},
	"store/catalog":     {"event"},
	"store/query":       {"event", "schema", "store/segment", "store/catalog"},
	"store":             {"event", "schema", "store/catalog", "store/parquet", "store/segment"},
	"pipeline":          {"event", "extjson", "auditlog", "schema", "store", "source"},
	"config":            {"event"},
	"control":           {},
	"cmd/margay":        {"*"},
}

// bannedImports are packages of others that a package must not touch, each
// with its reason.
var bannedImports = []struct{ in, path, why string }{
	{"event", "os", "the domain does no input or output"},
	{"extjson", "os", "a pure codec: bytes in, bytes out"},
	{"schema", "time/tzdata", "a schema has no clock and no zone files"},
	{"", "log", "log through an injected *slog.Logger"},
	{"", "github.com/stretchr/testify", "tests use the standard library and go-cmp"},
}

const maxLines = 700

type goFile struct {
	path, dir string
	test      bool
	ast       *ast.File
	lines     int
}

// TestArchitecture reads every Go file with go/parser, in this process, so
// that the test cache notices each change.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	files := parseAll(t)
	packageComments := map[string]bool{}
	for _, f := range files {
		if f.dir == "." || f.dir == "tools" {
			continue
		}
		if f.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it by what it is about", f.path, f.lines, maxLines)
		}
		checkSleep(t, f)
		if f.test {
			continue
		}
		packageComments[f.dir] = packageComments[f.dir] || f.ast.Doc != nil
		checkImports(t, f)
		checkDeclarations(t, f)
	}
	for dir, ok := range packageComments {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func parseAll(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "testdata" || name == "tools" || name != "." && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, goFile{
			path: path, dir: filepath.ToSlash(filepath.Dir(path)), test: strings.HasSuffix(path, "_test.go"),
			ast: parsed, lines: strings.Count(string(text), "\n"),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d Go files: the walk is broken", len(files))
	}
	return files
}

func checkImports(t *testing.T, f goFile) {
	t.Helper()
	allowed, known := mayImport[f.dir]
	if !known {
		t.Errorf("package %s is not in the import table: give it a row in arch_test.go and a room in docs/design", f.dir)
		return
	}
	for _, spec := range f.ast.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if inner, ours := strings.CutPrefix(path, module+"/"); ours && !slices.Contains(allowed, inner) && !slices.Contains(allowed, "*") {
			t.Errorf("%s imports %s, which %s may not: it may import %v", f.path, inner, f.dir, allowed)
		}
		for _, ban := range bannedImports {
			if path == ban.path && (ban.in == "" || ban.in == f.dir) {
				t.Errorf("%s imports %s: %s", f.path, path, ban.why)
			}
		}
	}
}

// checkDeclarations holds the rules about init functions, contexts in structs
// and package variables.
func checkDeclarations(t *testing.T, f goFile) {
	t.Helper()
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				t.Errorf("%s has an init function: nothing happens before main", f.path)
			}
		case *ast.StructType:
			for _, field := range n.Fields.List {
				if sel, ok := field.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Context" {
					t.Errorf("%s keeps a context in a struct: pass it", f.path)
				}
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "slog" && (n.Sel.Name == "Default" || n.Sel.Name == "SetDefault") {
				t.Errorf("%s uses slog.%s: loggers are injected", f.path, n.Sel.Name)
			}
		}
		return true
	})
}

func checkSleep(t *testing.T, f goFile) {
	t.Helper()
	if !f.test {
		return
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Sleep" {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && !usesSynctest(f.ast) {
			t.Errorf("%s sleeps: use synctest, a waker or a condition", f.path)
		}
		return true
	})
}

func usesSynctest(f *ast.File) bool {
	for _, spec := range f.Imports {
		if spec.Path.Value == `"testing/synctest"` {
			return true
		}
	}
	return false
}

// TestImportTable holds the table itself to the rules of the design: nothing
// points upwards, no circle, not deeper than five.
func TestImportTable(t *testing.T) {
	t.Parallel()
	depth := map[string]int{}
	var visit func(dir string, path []string) int
	visit = func(dir string, path []string) int {
		if slices.Contains(path, dir) {
			t.Fatalf("import circle: %v", append(path, dir))
		}
		if d, done := depth[dir]; done {
			return d
		}
		deepest := 0
		for _, to := range mayImport[dir] {
			if to == "*" {
				continue
			}
			if _, known := mayImport[to]; !known {
				t.Errorf("%s may import %s, which is no package", dir, to)
			}
			deepest = max(deepest, 1+visit(to, append(path, dir)))
		}
		depth[dir] = deepest
		return deepest
	}
	for dir := range mayImport {
		if d := visit(dir, nil); d > 5 {
			t.Errorf("%s stands %d deep, more than 5", dir, d)
		}
	}
}
