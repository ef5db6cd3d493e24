package query

import (
	"fmt"
	"unsafe"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// colType is a column's type, taken apart once.
type colType struct {
	id     duckdb.Type
	phys   duckdb.Type // how decimals and enums are stored
	json   bool        // VARCHAR that holds JSON
	scale  int         // of a decimal
	size   int         // of an array
	labels []string    // of an enum
	names  []string    // of a struct's or union's children
	kids   []*colType
}

var typeNames = map[duckdb.Type]string{
	duckdb.TypeBit: "BIT", duckdb.TypeBigNum: "BIGNUM", duckdb.TypeGeometry: "GEOMETRY", duckdb.TypeVariant: "VARIANT",
}

func newColType(lt duckdb.LogicalType) (*colType, error) {
	t := &colType{id: duckdb.GetTypeId(lt)}
	switch t.id {
	case duckdb.TypeBoolean, duckdb.TypeTinyInt, duckdb.TypeSmallInt, duckdb.TypeInteger, duckdb.TypeBigInt,
		duckdb.TypeUTinyInt, duckdb.TypeUSmallInt, duckdb.TypeUInteger, duckdb.TypeUBigInt, duckdb.TypeHugeInt, duckdb.TypeUHugeInt,
		duckdb.TypeFloat, duckdb.TypeDouble, duckdb.TypeDate, duckdb.TypeTime, duckdb.TypeTimeTZ, duckdb.TypeTimeNS,
		duckdb.TypeTimestamp, duckdb.TypeTimestampS, duckdb.TypeTimestampMS, duckdb.TypeTimestampNS, duckdb.TypeTimestampTZ,
		duckdb.TypeInterval, duckdb.TypeBlob, duckdb.TypeUUID, duckdb.TypeSQLNull:
		return t, nil
	case duckdb.TypeVarchar:
		t.json = duckdb.LogicalTypeGetAlias(lt) == "JSON"
		return t, nil
	case duckdb.TypeDecimal:
		t.phys, t.scale = duckdb.DecimalInternalType(lt), int(duckdb.DecimalScale(lt))
		return t, nil
	case duckdb.TypeEnum:
		t.phys = duckdb.EnumInternalType(lt)
		for i := range duckdb.EnumDictionarySize(lt) {
			t.labels = append(t.labels, duckdb.EnumDictionaryValue(lt, duckdb.IdxT(i)))
		}
		return t, nil
	case duckdb.TypeList, duckdb.TypeArray, duckdb.TypeMap, duckdb.TypeStruct, duckdb.TypeUnion:
		return t, t.addKids(lt)
	}
	name := typeNames[t.id]
	if name == "" {
		name = fmt.Sprintf("number %d", t.id)
	}
	return nil, fmt.Errorf("has type %s, which cannot be printed: cast it to VARCHAR", name)
}

func (t *colType) addKids(lt duckdb.LogicalType) error {
	switch t.id {
	case duckdb.TypeList:
		return t.addKid("", duckdb.ListTypeChildType(lt))
	case duckdb.TypeArray:
		t.size = int(duckdb.ArrayTypeArraySize(lt))
		return t.addKid("", duckdb.ArrayTypeChildType(lt))
	case duckdb.TypeMap:
		if err := t.addKid("key", duckdb.MapTypeKeyType(lt)); err != nil {
			return err
		}
		return t.addKid("value", duckdb.MapTypeValueType(lt))
	case duckdb.TypeUnion:
		for i := range duckdb.UnionTypeMemberCount(lt) {
			if err := t.addKid(duckdb.UnionTypeMemberName(lt, i), duckdb.UnionTypeMemberType(lt, i)); err != nil {
				return err
			}
		}
	default:
		for i := range duckdb.StructTypeChildCount(lt) {
			if err := t.addKid(duckdb.StructTypeChildName(lt, i), duckdb.StructTypeChildType(lt, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *colType) addKid(name string, lt duckdb.LogicalType) error {
	defer duckdb.DestroyLogicalType(&lt)
	kid, err := newColType(lt)
	if err != nil {
		return err
	}
	t.names, t.kids = append(t.names, name), append(t.kids, kid)
	return nil
}

// right tells whether people expect the column on the right: numbers.
func (t *colType) right() bool {
	switch t.id {
	case duckdb.TypeTinyInt, duckdb.TypeSmallInt, duckdb.TypeInteger, duckdb.TypeBigInt,
		duckdb.TypeUTinyInt, duckdb.TypeUSmallInt, duckdb.TypeUInteger, duckdb.TypeUBigInt, duckdb.TypeHugeInt, duckdb.TypeUHugeInt,
		duckdb.TypeFloat, duckdb.TypeDouble, duckdb.TypeDecimal:
		return true
	}
	return false
}

// moment tells whether the values are points in time.
func (t *colType) moment() bool {
	switch t.id {
	case duckdb.TypeTimestamp, duckdb.TypeTimestampTZ, duckdb.TypeTimestampS, duckdb.TypeTimestampMS, duckdb.TypeTimestampNS:
		return true
	}
	return false
}

// vector is a column of one chunk, in the engine's own memory.
type vector struct {
	t     *colType
	data  unsafe.Pointer
	valid unsafe.Pointer // nil: nothing is null
	kids  []vector
}

func (v *vector) init(t *colType) {
	v.t = t
	kids := t.kids
	if t.id == duckdb.TypeUnion { // a union is a struct whose first child is the member's number
		kids = append([]*colType{{id: duckdb.TypeUTinyInt}}, kids...)
	}
	v.kids = make([]vector, len(kids))
	for i, k := range kids {
		v.kids[i].init(k)
	}
}

func (v *vector) bind(d duckdb.Vector) {
	v.data, v.valid = duckdb.VectorGetData(d), duckdb.VectorGetValidity(d)
	switch v.t.id {
	case duckdb.TypeList:
		v.kids[0].bind(duckdb.ListVectorGetChild(d))
	case duckdb.TypeArray:
		v.kids[0].bind(duckdb.ArrayVectorGetChild(d))
	case duckdb.TypeMap: // a list of structs of key and value
		entries := duckdb.ListVectorGetChild(d)
		v.kids[0].bind(duckdb.StructVectorGetChild(entries, 0))
		v.kids[1].bind(duckdb.StructVectorGetChild(entries, 1))
	case duckdb.TypeStruct, duckdb.TypeUnion:
		for i := range v.kids {
			v.kids[i].bind(duckdb.StructVectorGetChild(d, duckdb.IdxT(i)))
		}
	}
}

func (v *vector) null(row int) bool {
	if v.t.id == duckdb.TypeSQLNull {
		return true
	}
	if v.valid == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(v.valid, row/64*8))
	return word&(1<<(row%64)) == 0
}

// at reads element row of a vector of T.
func at[T any](v *vector, row int) T {
	var zero T
	return *(*T)(unsafe.Add(v.data, uintptr(row)*unsafe.Sizeof(zero)))
}

// bytes returns a string or blob where it lies. Sixteen bytes hold the length
// and either up to twelve bytes of text or, after a prefix, its address.
func (v *vector) bytes(row int) []byte {
	p := unsafe.Add(v.data, row*16)
	n := *(*uint32)(p)
	if n <= 12 {
		return unsafe.Slice((*byte)(unsafe.Add(p, 4)), n)
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(p, 8)), n)
}

// span returns where the children of a list, array or map begin and how many
// there are.
func (v *vector) span(row int) (from, n int) {
	if v.t.id == duckdb.TypeArray {
		return row * v.t.size, v.t.size
	}
	e := at[[2]uint64](v, row)
	return int(e[0]), int(e[1])
}

// label returns the text of an enum's value.
func (v *vector) label(row int) string {
	var i int
	switch v.t.phys {
	case duckdb.TypeUTinyInt:
		i = int(at[uint8](v, row))
	case duckdb.TypeUSmallInt:
		i = int(at[uint16](v, row))
	default:
		i = int(at[uint32](v, row))
	}
	if i >= len(v.t.labels) {
		return ""
	}
	return v.t.labels[i]
}
