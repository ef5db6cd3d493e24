package segment

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/parquet"
)

// maxColumnBytes bounds what one column of one row group may unpack to. A
// group holds at most MaxGroupRaw of received bytes, give or take a batch, so
// more than this is damage.
const maxColumnBytes = 1 << 30

var errColumnTooLarge = fmt.Errorf("a column of a row group is larger than %d bytes", maxColumnBytes)

// columns reads single columns of one row group into memory.
type columns struct {
	r     *Reader
	group int
	rows  int
}

func (r *Reader) columns(group int) columns {
	return columns{r, group, int(r.info.Groups[group].Rows)}
}

// std returns the number of a standard leaf.
func (r *Reader) std(leaf int) int { return r.leaves + leaf }

// ints reads a flat column of numbers. Nulls become absent.
func (c columns) ints(leaf int, absent int64) ([]int64, error) {
	most := c.r.file.Schema().Leaves()[leaf].MaxDef
	out := make([]int64, 0, c.rows)
	err := c.r.file.ReadColumn(c.group, leaf, func(v *parquet.Value) error {
		if v.Def < most {
			out = append(out, absent)
		} else {
			out = append(out, v.Int)
		}
		return nil
	})
	return out, c.checkRows(leaf, len(out), err)
}

// texts reads a flat column of byte arrays.
func (c columns) texts(leaf int) (*texts, error) {
	most := c.r.file.Schema().Leaves()[leaf].MaxDef
	out := &texts{ends: make([]int, 0, c.rows), null: make([]bool, 0, c.rows)}
	err := c.r.file.ReadColumn(c.group, leaf, func(v *parquet.Value) error {
		if len(out.arena)+len(v.Bytes) > maxColumnBytes {
			return errColumnTooLarge
		}
		if v.Def == most {
			out.arena = append(out.arena, v.Bytes...)
		}
		out.ends = append(out.ends, len(out.arena))
		out.null = append(out.null, v.Def < most)
		return nil
	})
	return out, c.checkRows(leaf, len(out.ends), err)
}

// lists reads a top-level list of texts.
func (c columns) lists(leaf int) ([][]string, error) {
	most := c.r.file.Schema().Leaves()[leaf].MaxDef
	out := make([][]string, 0, c.rows)
	size := 0
	err := c.r.file.ReadColumn(c.group, leaf, func(v *parquet.Value) error {
		if size += len(v.Bytes); size > maxColumnBytes {
			return errColumnTooLarge
		}
		if v.Rep == 0 {
			out = append(out, nil)
		}
		if v.Def == most && len(out) > 0 {
			out[len(out)-1] = append(out[len(out)-1], string(v.Bytes))
		}
		return nil
	})
	return out, c.checkRows(leaf, len(out), err)
}

// display reads a flat column of any type as text; null is "".
func (c columns) display(leaf int, t schema.Type) ([]string, error) {
	if t == schema.TypeString || t == schema.TypeJSON {
		all, err := c.texts(leaf)
		if err != nil {
			return nil, err
		}
		out := make([]string, c.rows)
		for i := range out {
			out[i] = all.str(i)
		}
		return out, nil
	}
	most := c.r.file.Schema().Leaves()[leaf].MaxDef
	out := make([]string, 0, c.rows)
	err := c.r.file.ReadColumn(c.group, leaf, func(v *parquet.Value) error {
		text := ""
		if v.Def == most {
			text = strconv.FormatInt(v.Int, 10)
		}
		out = append(out, text)
		return nil
	})
	return out, c.checkRows(leaf, len(out), err)
}

func (c columns) checkRows(leaf, n int, err error) error {
	if err == nil && n != c.rows {
		err = fmt.Errorf("read column %q: %d values in %d rows", c.r.file.Schema().Leaves()[leaf].Path, n, c.rows)
	}
	return err
}

// texts are the values of a column of byte arrays, one after the other.
type texts struct {
	arena []byte
	ends  []int
	null  []bool
	last  string // the text that str returned last: neighbours are often equal
}

func (t *texts) at(i int) []byte {
	start := 0
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.arena[start:t.ends[i]]
}

func (t *texts) str(i int) string {
	if b := t.at(i); string(b) != t.last {
		t.last = string(b)
	}
	return t.last
}

// rawReader puts the received bytes of one row group together again.
type rawReader struct {
	columns
	cuts   []int64
	pieces *texts // of the cut leaf; nil when the layout has none
	raw    []byte // scratch
}

// noCut stands for a null in the column of cuts.
const noCut = -1

func (r *Reader) rawReader(group int) (*rawReader, error) {
	rr := &rawReader{columns: r.columns(group)}
	cuts, err := rr.ints(r.std(leafRawCut), noCut)
	if err != nil {
		return nil, err
	}
	rr.cuts = cuts
	if r.cut >= 0 {
		if rr.pieces, err = rr.texts(r.cut); err != nil {
			return nil, err
		}
	}
	return rr, nil
}

// visit calls f with the received bytes of each row in turn. They are valid
// until f returns.
func (rr *rawReader) visit(f func(row int, raw []byte) error) error {
	leaf, row := rr.r.std(leafRawRest), 0
	err := rr.r.file.ReadColumn(rr.group, leaf, func(v *parquet.Value) error {
		if row >= rr.rows {
			return errors.New("more values than rows")
		}
		raw, err := rr.splice(row, v.Bytes)
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		row++
		return f(row-1, raw)
	})
	return rr.checkRows(leaf, row, err)
}

func (rr *rawReader) splice(row int, rest []byte) ([]byte, error) {
	cut := rr.cuts[row]
	if cut == noCut {
		return rest, nil
	}
	if cut < 0 || cut > int64(len(rest)) || rr.pieces == nil || rr.pieces.null[row] {
		return nil, fmt.Errorf("the piece at %d of %d bytes cannot be put back", cut, len(rest))
	}
	rr.raw = append(rr.raw[:0], rest[:cut]...)
	rr.raw = append(rr.raw, rr.pieces.at(row)...)
	rr.raw = append(rr.raw, rest[cut:]...)
	return rr.raw, nil
}

// visitTexts calls f with every value of a leaf of byte arrays, nested or not.
func visitTexts(file *parquet.File, group, leaf int, f func([]byte)) error {
	most := file.Schema().Leaves()[leaf].MaxDef
	return file.ReadColumn(group, leaf, func(v *parquet.Value) error {
		if v.Def == most {
			f(v.Bytes)
		}
		return nil
	})
}
