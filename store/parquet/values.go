package parquet

import "encoding/binary"

// plainReader reads plain values one by one.
type plainReader struct {
	src  []byte
	node *Node
	at   int
	// bit is the position in the byte at, for booleans.
	bit uint
}

func (p *plainReader) next() (v int64, b []byte, err error) {
	rest := p.src[p.at:]
	size := 8
	switch p.node.Type {
	case Boolean:
		if len(rest) == 0 {
			return 0, nil, errPage
		}
		v = int64(rest[0] >> p.bit & 1)
		if p.bit++; p.bit == 8 {
			p.bit = 0
			p.at++
		}
		return v, nil, nil
	case Int32:
		size = 4
	case FixedLenByteArray:
		size = p.node.Length
	case ByteArray:
		if len(rest) < 4 {
			return 0, nil, errPage
		}
		n := binary.LittleEndian.Uint32(rest)
		if n > MaxValue {
			return 0, nil, errPage
		}
		size = int(n)
		rest = rest[4:]
		p.at += 4
	}
	if size > len(rest) {
		return 0, nil, errPage
	}
	p.at += size
	switch p.node.Type {
	case Int32:
		return int64(int32(binary.LittleEndian.Uint32(rest))), nil, nil
	case Int64, Double:
		return int64(binary.LittleEndian.Uint64(rest)), nil, nil
	}
	return 0, rest[:size:size], nil
}

// valueReader reads the values of a data page in any encoding.
type valueReader struct {
	encoding int64
	plain    plainReader
	delta    deltaReader
	codes    hybrid
	chunk    *chunkReader
}

// values returns the reader of the values that page consists of.
func (r *chunkReader) values(page []byte) (v valueReader, err error) {
	v = valueReader{encoding: r.info.encoding, chunk: r}
	node := &r.leaf.Node
	switch {
	case v.encoding == encPlain:
		v.plain = plainReader{src: page, node: node}
	case v.encoding == encDelta && (node.Type == Int32 || node.Type == Int64):
		v.delta, err = newDelta(page, node.Type == Int32)
	case v.encoding == encDictionary && r.info.DictionaryPage != 0:
		if len(page) == 0 || page[0] == 0 || page[0] > 32 {
			return v, errPage
		}
		v.codes = newHybrid(page[1:], uint(page[0]))
	default:
		return v, errPage
	}
	return v, err
}

// next fills in the value of an entry.
func (v *valueReader) next(dst *Value) (err error) {
	switch v.encoding {
	case encPlain:
		dst.Int, dst.Bytes, err = v.plain.next()
		return err
	case encDelta:
		dst.Int, err = v.delta.next()
		return err
	}
	code, err := v.codes.next()
	if err != nil {
		return err
	}
	r := v.chunk
	dst.code = int(code)
	switch {
	case dst.code < len(r.dict):
		dst.Int = r.dict[code]
	case dst.code < len(r.ends):
		start := uint32(0)
		if code > 0 {
			start = r.ends[code-1]
		}
		if r.leaf.Node.Type == ByteArray {
			start += 4
		}
		end := r.ends[code]
		dst.Bytes = r.dictPage[start:end:end]
	default:
		return errPage
	}
	return nil
}
