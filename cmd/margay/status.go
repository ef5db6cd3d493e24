package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store"
)

// staleAfter is the age from which a state is not believed any more, although
// a process holds the data folder.
const staleAfter = 15 * time.Second

type statusCmd struct {
	location
	Output string `short:"o" enum:"text,json" default:"text" help:"text for people, json for programs."`
}

// sourceView is a source as status shows it.
type sourceView struct {
	ID          string       `json:"id"`
	Label       string       `json:"label"`
	Kind        string       `json:"kind"`
	State       event.Health `json:"state"`
	Reason      string       `json:"reason,omitempty"`
	Position    string       `json:"position,omitempty"`
	LagBytes    int64        `json:"lag_bytes"`
	LastEvent   *time.Time   `json:"last_event"`
	LastStored  *time.Time   `json:"last_stored"`
	Stored      int64        `json:"stored"`
	Quarantined int64        `json:"quarantined"`
	Redaction   string       `json:"redaction"`
}

// name is what people call the source: a state can outlive what is known of it.
func (s *sourceView) name() string {
	if s.Label == "" {
		return s.ID
	}
	return s.Label
}

// storeView is the store as status shows it.
type storeView struct {
	DataDir            string     `json:"data_dir"`
	PID                int        `json:"pid,omitempty"`
	Segments           int        `json:"segments"`
	Rows               int64      `json:"rows"`
	Bytes              int64      `json:"bytes"`
	RawBytes           int64      `json:"raw_bytes"`
	Oldest             *time.Time `json:"oldest"`
	Newest             *time.Time `json:"newest"`
	QuarantineRows     int64      `json:"quarantine_rows"`
	QuarantineBytes    int64      `json:"quarantine_bytes"`
	Orphans            int        `json:"orphans"`
	RetentionSuspended string     `json:"retention_suspended,omitempty"`
	// Loss is what the last rebuild could not find any more.
	Loss store.Loss `json:"loss,omitzero"`
}

type statusView struct {
	Store   storeView    `json:"store"`
	Sources []sourceView `json:"sources"`
}

func (c statusCmd) Run(ctx context.Context, p *program) error {
	dir, err := c.existing(p)
	if err != nil {
		return err
	}
	r, err := store.OpenReader(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	status, err := r.Status(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	view := viewOf(status, dir, now)
	if c.Output == "json" {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		return e.Encode(view)
	}
	return view.print(p.stdout, now)
}

func viewOf(st *store.Status, dir string, now time.Time) statusView {
	v := statusView{Sources: []sourceView{}, Store: storeView{
		DataDir: dir, PID: st.PID, Segments: st.Segments, Rows: st.Rows, Bytes: st.Bytes, RawBytes: st.RawBytes,
		Oldest: known(st.Oldest), Newest: known(st.Newest),
		QuarantineRows: st.QuarantineRows, QuarantineBytes: st.QuarantineBytes,
		Orphans: len(st.Orphans), RetentionSuspended: st.RetentionSuspended, Loss: st.Loss,
	}}
	for _, s := range st.Sources {
		one := sourceView{
			ID: s.ID, Label: s.Label, Kind: s.Kind, State: s.State.Health, Reason: s.State.Reason,
			Position: s.State.Position, LagBytes: s.State.LagBytes, LastEvent: known(micros(s.LastEvent)), LastStored: known(micros(s.LastStored)),
			Stored: s.Stored, Quarantined: s.Quarantined, Redaction: "on",
		}
		if s.KeepSecrets {
			one.Redaction = "off"
		}
		one.State, one.Reason = believed(&s.State, now.Sub(s.Updated), st.PID)
		v.Sources = append(v.Sources, one)
	}
	return v
}

// believed is the health of a source whose state was written down that long
// ago, while process pid has the store open, or none has if it is 0.
func believed(st *event.State, age time.Duration, pid int) (event.Health, string) {
	switch {
	case st.Health == event.Stopped, st.Health != "" && pid != 0 && age <= staleAfter:
		return st.Health, st.Reason
	case st.Health == "" || pid == 0:
		return event.Stopped, "no process collects from it now"
	default:
		// A process that cannot write its states cannot store events either.
		return event.Blocked, fmt.Sprintf("process %d has not said for %s how the source is: see its log, and whether the disk of the data folder is full", pid, age.Round(time.Second))
	}
}

func micros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (v statusView) print(w io.Writer, now time.Time) error {
	held := "nobody writes to it now"
	if v.Store.PID != 0 {
		held = fmt.Sprintf("process %d writes to it", v.Store.PID)
	}
	s := &v.Store
	fmt.Fprintf(w, "Store %s: %s\n", s.DataDir, held)
	fmt.Fprintf(w, "  %s event%s in %s segment%s, %s (received: %s)\n", countText(s.Rows), plural(s.Rows), countText(int64(s.Segments)), plural(int64(s.Segments)), bytesText(s.Bytes), bytesText(s.RawBytes))
	if s.Oldest != nil && s.Newest != nil {
		fmt.Fprintf(w, "  from %s to %s\n", s.Oldest.Format(time.DateTime), s.Newest.Format(time.DateTime))
	}
	if s.QuarantineRows > 0 {
		fmt.Fprintf(w, "  %s in quarantine (%s): margay quarantine list\n", countText(s.QuarantineRows), bytesText(s.QuarantineBytes))
	}
	if s.Orphans > 0 {
		fmt.Fprintf(w, "  %d file%s set aside in orphans/: no commit names them; margay_orphans says why\n", s.Orphans, plural(int64(s.Orphans)))
	}
	if s.RetentionSuspended != "" {
		fmt.Fprintf(w, "  RETENTION IS SUSPENDED: %s\n", s.RetentionSuspended)
	}
	printMissing(w, &s.Loss)
	if len(v.Sources) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tSTATE\tSTORED\tQUARANTINED\tLAST STORED\tLAG\tPOSITION")
	for i := range v.Sources {
		one := &v.Sources[i]
		name := one.name()
		if one.Redaction == "off" {
			name += " (redaction off)"
		}
		stored := time.Time{}
		if one.LastStored != nil {
			stored = *one.LastStored
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, one.State, countText(one.Stored), countText(one.Quarantined), agoText(now, stored), bytesText(one.LagBytes), one.Position)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range v.Sources {
		if one := &v.Sources[i]; one.Reason != "" && one.State != event.Stopped {
			fmt.Fprintf(w, "\n%s is %s: %s\n", one.name(), one.State, one.Reason)
		}
	}
	return nil
}

// maxNames bounds how many lost segments status names; "store verify" names all.
const maxNames = 5

func printMissing(w io.Writer, l *store.Loss) {
	if names := l.Names(); len(names) > 0 {
		more := ""
		if n := len(names) - maxNames; n > 0 {
			names, more = names[:maxNames], fmt.Sprintf(" and %s more", countText(int64(n)))
		}
		are := "S ARE"
		if l.Rows() == 1 {
			are = " IS"
		}
		fmt.Fprintf(w, "  %s EVENT%s MISSING with %s%s: margay store verify\n", countText(l.Rows()), are, strings.Join(names, ", "), more)
	}
	for _, c := range l.Commits {
		fmt.Fprintf(w, "  MISSING: %s: margay store verify\n", c)
	}
}
