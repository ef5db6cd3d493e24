package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
)

// metaRegistered is where the catalog keeps what a config says of its sources.
const metaRegistered = "registered_sources"

// registered is what is known of a source before it has stored anything. It is
// not part of any commit, and a rebuild may lose it: the next run says it again.
type registered struct {
	Label string `json:"label"`
	Kind  string `json:"kind"`
	// KeepSecrets says that redaction is off.
	KeepSecrets bool `json:"keep_secrets,omitempty"`
}

// Register keeps what the sources are called, for status: from their first
// moment on, and not only from their first event. What was registered of other
// sources stays.
func (s *Store) Register(ctx context.Context, origins ...event.Origin) error {
	s.registering.Lock()
	defer s.registering.Unlock()
	var before map[string]registered
	err := s.cat.View(ctx, func(tx *catalog.Tx) (err error) {
		before, err = readRegistered(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("register sources: %w", err)
	}
	all := maps.Clone(before)
	for i := range origins {
		o := &origins[i]
		all[o.ID] = registered{Label: o.Label, Kind: o.Kind, KeepSecrets: o.KeepSecrets}
	}
	if maps.Equal(before, all) {
		return nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("register sources: %w", err)
	}
	return s.cat.SetMeta(ctx, metaRegistered, string(text))
}

// readRegistered returns a map that can be written to, always.
func readRegistered(ctx context.Context, tx *catalog.Tx) (map[string]registered, error) {
	all := map[string]registered{}
	text, err := tx.Meta(ctx, metaRegistered)
	if err != nil || text == "" {
		return all, err
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("registered sources: %w", err)
	}
	return all, nil
}
