// Package pipeline is the flow itself: it takes what a source emits through
// decode, redact and classify into the store, and answers the source when the
// batch is durable.
//
// A record takes one of two ways, and no third. Either a schema fits and the
// record becomes a row of that log type's segment, or it goes to quarantine
// with the reason why not. Both are part of the same commit as the source's
// position.
//
// The work is done in the goroutine that called Emit, so that sources decide
// how much runs at once; nothing is allocated per record.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/margay-audit/margay/auditlog"
	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/extjson"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store"
)

// Pipeline connects sources to one store. It is safe for concurrent use.
type Pipeline struct {
	store   *store.Store
	schemas *schema.Set
	// workers holds a *sync.Pool of *worker for each list of log types.
	workers sync.Map
}

// New returns a pipeline into s that knows the given schemas.
func New(s *store.Store, schemas *schema.Set) *Pipeline {
	return &Pipeline{store: s, schemas: schemas}
}

// Counts is what became of the records of some batches. Only durable batches
// count. It is safe for concurrent use.
type Counts struct {
	Stored, Quarantined atomic.Int64
}

// Emit is the pipeline's [event.Emit].
func (p *Pipeline) Emit(ctx context.Context, b event.Batch) error {
	return p.emit(ctx, &b, nil)
}

// Counting returns an [event.Emit] that adds to c what it stores.
func (p *Pipeline) Counting(c *Counts) event.Emit {
	return func(ctx context.Context, b event.Batch) error { return p.emit(ctx, &b, c) }
}

func (p *Pipeline) emit(ctx context.Context, b *event.Batch, c *Counts) error {
	pool := p.pool(b.Origin.LogTypes)
	w := pool.Get().(*worker)
	defer pool.Put(w)
	a, err := p.store.Begin(b)
	if err != nil {
		return err
	}
	stored := int64(0)
	for i := range b.Records {
		ok, err := w.record(a, &b.Records[i], b.Origin.KeepSecrets)
		if err != nil {
			a.Abort()
			return err
		}
		if ok {
			stored++
		}
	}
	if err := a.Commit(ctx); err != nil {
		return err
	}
	if c != nil {
		c.Stored.Add(stored)
		c.Quarantined.Add(int64(len(b.Records)) - stored)
	}
	return nil
}

func (p *Pipeline) pool(types []event.LogType) *sync.Pool {
	var key strings.Builder
	for _, t := range types {
		key.WriteString(string(t))
		key.WriteByte(0)
	}
	if pool, ok := p.workers.Load(key.String()); ok {
		return pool.(*sync.Pool)
	}
	pool, _ := p.workers.LoadOrStore(key.String(), &sync.Pool{New: func() any {
		return &worker{classifier: p.schemas.Classifier(types), redactor: auditlog.NewRedactor()}
	}})
	return pool.(*sync.Pool)
}

// rows is where a worker puts what it made of a record.
type rows interface {
	Row(s *schema.Schema, row *schema.Row, rec *event.Record, raw []byte, redactions []string) error
	Quarantine(rec *event.Record, reason string) error
}

// worker holds what one goroutine needs to take records apart; its buffers are
// reused from record to record.
type worker struct {
	decoder    extjson.Decoder
	redactor   *auditlog.Redactor
	classifier *schema.Classifier
	row        schema.Row
	doc        schema.Document
	bson       []byte
	redacted   []byte
}

// record puts one record into the store or into quarantine; ok tells which.
func (w *worker) record(to rows, rec *event.Record, keepSecrets bool) (ok bool, err error) {
	if rec.Defect != "" {
		return false, to.Quarantine(rec, rec.Defect)
	}
	raw := rec.Raw
	if err := w.decode(raw, rec.Form); err != nil {
		return false, to.Quarantine(rec, err.Error())
	}
	var redactions []string
	if !keepSecrets {
		if redactions = w.redactor.Find(w.doc.BSON); len(redactions) > 0 {
			if raw, err = w.redact(raw, rec.Form, redactions); err != nil {
				return false, to.Quarantine(rec, err.Error())
			}
		}
	}
	s, err := w.classifier.Classify(&w.row, &w.doc)
	if err != nil {
		return false, quarantineRedacted(to, rec, raw, redactions, err)
	}
	return true, to.Row(s, &w.row, rec, raw, redactions)
}

// quarantineRedacted sets aside an event that fits no schema. What could be
// decoded is kept without its secrets there too, and the reason says so.
func quarantineRedacted(to rows, rec *event.Record, raw []byte, redactions []string, why error) error {
	if len(redactions) == 0 {
		return to.Quarantine(rec, why.Error())
	}
	redacted := *rec
	redacted.Raw = raw
	return to.Quarantine(&redacted, fmt.Sprintf("%v; secrets were replaced at %s", why, strings.Join(redactions, ", ")))
}

// decode fills w.doc from received bytes.
func (w *worker) decode(raw []byte, form event.Form) (err error) {
	switch form {
	case event.JSON:
		if w.bson, err = w.decoder.Decode(w.bson[:0], raw); err != nil {
			var syntax *extjson.SyntaxError
			if errors.As(err, &syntax) {
				return fmt.Errorf("not a JSON document: %w", err)
			}
			return err
		}
		w.doc = schema.Document{BSON: w.bson, Text: raw, Fields: w.decoder.Fields()}
	case event.BSON:
		if err := bsoncore.Document(raw).Validate(); err != nil {
			return fmt.Errorf("not a BSON document: %w", err)
		}
		w.doc = schema.Document{BSON: raw}
	default:
		return fmt.Errorf("unknown form %d", form)
	}
	return nil
}

// redact replaces the values at the given paths in the received bytes and
// decodes the result, so that no later step ever sees them.
func (w *worker) redact(raw []byte, form event.Form, paths []string) ([]byte, error) {
	var err error
	if form == event.BSON {
		w.redacted, err = w.redactor.BSON(w.redacted[:0], raw, paths)
	} else {
		w.redacted, err = w.redactor.Text(w.redacted[:0], raw, paths)
	}
	if err != nil {
		return nil, fmt.Errorf("replace secrets: %w", err)
	}
	return w.redacted, w.decode(w.redacted, form)
}
