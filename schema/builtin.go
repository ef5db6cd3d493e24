package schema

import (
	"embed"
	"fmt"
	"path"
	"sync"
)

//go:generate go test -run TestReferencePages -update .

//go:embed builtin/*.yml
var builtinFiles embed.FS

// Builtin returns the schemas that Margay knows from the start.
func Builtin() *Set { return builtinSet() }

var builtinSet = sync.OnceValue(func() *Set {
	entries, err := builtinFiles.ReadDir("builtin")
	if err != nil {
		panic(fmt.Sprintf("BUG: the embedded schemas: %v", err))
	}
	var schemas []*Schema
	for _, e := range entries {
		schemas = append(schemas, builtin(e.Name()))
	}
	return newSet(schemas...)
})

func builtin(name string) *Schema {
	text, err := builtinFiles.ReadFile(path.Join("builtin", name))
	if err != nil {
		panic(fmt.Sprintf("BUG: the embedded schema %s: %v", name, err))
	}
	s, err := Compile(text)
	if err != nil {
		panic(fmt.Sprintf("BUG: the embedded schema %s: %v", name, err))
	}
	return s
}

//go:embed quarantine.yml
var quarantineText []byte

// QuarantineSchema returns the schema of the log type Margay.Quarantine, in which
// the store keeps what fitted no schema. It is no member of [Builtin], for no
// event is ever classified as one. Its fields are reason, form, original_size
// (bytes) and original_sha256 (hexadecimal).
func QuarantineSchema() *Schema { return quarantineSchema() }

var quarantineSchema = sync.OnceValue(func() *Schema {
	s, err := Compile(quarantineText)
	if err != nil {
		panic(fmt.Sprintf("BUG: the embedded schema of the quarantine: %v", err))
	}
	return s
})
