package query

import (
	"slices"
	"strings"
)

// walker walks a tree along the shapes it may have.
type walker struct {
	known  []string   // tables of the request
	scopes [][]string // names of common table expressions, inner ones last
	plan   *plan
}

// field checks one value as the kind that its place in the tree asks for.
func (w *walker) field(name string, v any, kind fieldKind) error {
	if v == nil {
		return nil
	}
	switch kind {
	case fieldScalar:
		return scalars(name, v)
	case fieldData:
		return data(name, v)
	case fieldNone:
		return w.none(name, v)
	case fieldType:
		return w.dataType(v)
	case fieldCTEs:
		return nil // node has walked them before everything else
	case fieldNode, fieldSelect, fieldExpr, fieldTable, fieldModifier, fieldPart, fieldCall:
		return w.object(name, v, kind)
	}
	list, ok := v.([]any)
	if !ok {
		return refuse("its syntax tree has no list in %q", name)
	}
	for _, item := range list {
		if err := w.field(name, item, kind.item()); err != nil {
			return err
		}
	}
	return nil
}

// none refuses everything but an empty value.
func (w *walker) none(name string, v any) error {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
	}
	return refuse("it uses %s, which is not allowed", strings.ReplaceAll(name, "_", " "))
}

// scalars refuses whatever could hide an expression in a place for plain text.
func scalars(name string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		return refuse("its syntax tree has an object in %q", name)
	case []any:
		for _, item := range v {
			if err := scalars(name, item); err != nil {
				return err
			}
		}
	}
	return nil
}

// data accepts constants, whatever their type, but no expression among them.
func data(name string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["class"]; ok {
			return refuse("its syntax tree has an expression in %q", name)
		}
		for key, item := range v {
			if err := data(key, item); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range v {
			if err := data(name, item); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) object(name string, v any, kind fieldKind) error {
	obj, ok := v.(map[string]any)
	if !ok {
		return refuse("its syntax tree has no object in %q", name)
	}
	shape, label, err := shapeOf(name, obj, kind)
	if err != nil {
		return err
	}
	if err := w.special(label, obj, kind); err != nil {
		return err
	}
	if m, ok := obj["cte_map"]; ok && shape["cte_map"] == fieldCTEs {
		scope, err := w.ctes(m)
		defer func() { w.scopes = w.scopes[:len(w.scopes)-scope] }()
		if err != nil {
			return err
		}
	}
	if label == "RECURSIVE_CTE_NODE" {
		cte, _ := obj["cte_name"].(string)
		w.scopes = append(w.scopes, []string{strings.ToLower(cte)})
		defer func() { w.scopes = w.scopes[:len(w.scopes)-1] }()
	}
	keys := make([]string, 0, len(obj))
	for key := range obj {
		keys = append(keys, key)
	}
	slices.Sort(keys) // so that the same statement is always refused for the same reason
	for _, key := range keys {
		kind, ok := shape[key]
		if !ok {
			return refuse("it uses %s of %s, which is not known here", key, label)
		}
		if err := w.field(key, obj[key], kind); err != nil {
			return err
		}
	}
	return nil
}

// shapeOf finds the shape that an object must have.
func shapeOf(name string, obj map[string]any, kind fieldKind) (shape, string, error) {
	key := "type"
	table := tableShapes
	switch kind {
	case fieldExpr:
		key, table = "class", exprShapes
	case fieldNode:
		table = nodeShapes
	case fieldModifier:
		table = modifierShapes
	case fieldCall: // tableFunction has looked at its name
		return functionShape, "table function", nil
	case fieldSelect:
		return selectShape, "statement", nil
	case fieldPart:
		s, ok := partShapes[name]
		if !ok {
			return nil, "", refuse("it uses %s, which is not known here", name)
		}
		return s, name, nil
	}
	label, _ := obj[key].(string)
	s, ok := table[label]
	if !ok {
		return nil, "", refuse("it uses %q, which is not allowed", label)
	}
	return s, label, nil
}

// special checks what a shape cannot say: names.
func (w *walker) special(label string, obj map[string]any, kind fieldKind) error {
	switch {
	case kind == fieldExpr && (label == "FUNCTION" || label == "WINDOW"):
		return w.function(obj)
	case kind == fieldExpr && label == "OPERATOR":
		return listed(obj, "type", operatorTypes)
	case kind == fieldTable && label == "BASE_TABLE":
		return w.table(obj)
	case kind == fieldTable && label == "TABLE_FUNCTION":
		return w.tableFunction(obj)
	case kind == fieldTable && label == "SHOW_REF":
		return w.show(obj)
	}
	return nil
}

func listed(obj map[string]any, key string, allowed map[string]bool) error {
	name, _ := obj[key].(string)
	if !allowed[name] {
		return refuse("it uses %q, which is not allowed", name)
	}
	return nil
}

func (w *walker) function(obj map[string]any) error {
	name, _ := obj["function_name"].(string)
	if !functionAllowed(name) {
		return refuse("function %s is not allowed", name)
	}
	return nil
}

func (w *walker) tableFunction(obj map[string]any) error {
	call, _ := obj["function"].(map[string]any)
	name, _ := call["function_name"].(string)
	if class, _ := call["class"].(string); class != "FUNCTION" {
		return refuse("it calls a table function in a way that is not known here")
	}
	if !tableFunctions[strings.ToLower(name)] {
		return refuse("table function %s is not allowed", name)
	}
	return nil
}

// table accepts names of common table expressions in whose scope it is, and
// tables of the request. The schema, if any, must be the one they are in.
func (w *walker) table(obj map[string]any) error {
	name, _ := obj["table_name"].(string)
	schema, _ := obj["schema_name"].(string)
	catalog, _ := obj["catalog_name"].(string)
	lower := strings.ToLower(name)
	schema, catalog = strings.ToLower(schema), strings.ToLower(catalog)
	if schema == "" && catalog == "" || schema == "recurring" && catalog == "" {
		for _, scope := range w.scopes {
			if slices.Contains(scope, lower) {
				return nil
			}
		}
	}
	if (schema == "" || schema == "main") && (catalog == "" || catalog == "memory") && slices.Contains(w.known, lower) {
		w.plan.uses++
		if !slices.Contains(w.plan.tables, lower) {
			w.plan.tables = append(w.plan.tables, lower)
		}
		return nil
	}
	if schema != "" {
		name = schema + "." + name
	}
	if catalog != "" {
		name = catalog + "." + name
	}
	known := slices.Clone(w.known)
	slices.Sort(known)
	return refuse("there is no table %q; there are: %s", name, strings.Join(known, ", "))
}

// show accepts DESCRIBE and SUMMARIZE of a query, and SHOW TABLES.
func (w *walker) show(obj map[string]any) error {
	kind, _ := obj["show_type"].(string)
	name, _ := obj["table_name"].(string)
	switch {
	case obj["query"] != nil && name == "" && (kind == "DESCRIBE" || kind == "SUMMARY"):
		return nil
	case obj["query"] == nil && name == `"tables"` && kind == "SHOW_UNQUALIFIED":
		w.plan.all = true
		return nil
	}
	return refuse("of SHOW only SHOW TABLES, DESCRIBE and SUMMARIZE are allowed")
}

// ctes walks common table expressions. Each sees those before it, and itself
// when it is recursive, which its own node sees to. The names stay in scope;
// ctes returns how many scopes the caller has to leave.
func (w *walker) ctes(v any) (int, error) {
	obj, ok := v.(map[string]any)
	if !ok {
		return 0, refuse("its syntax tree has no object in %q", "cte_map")
	}
	list, _ := obj["map"].([]any)
	if obj["map"] != nil && list == nil || len(obj) > 1 {
		return 0, refuse("its syntax tree has common table expressions that are not known here")
	}
	for i, item := range list {
		entry, _ := item.(map[string]any)
		name, _ := entry["key"].(string)
		if len(entry) != 2 || !tableName.MatchString(name) {
			return i, refuse("a common table expression is named %q: use letters, digits, _ and $", name)
		}
		if err := w.object("cte", entry["value"], fieldPart); err != nil {
			return i, err
		}
		w.scopes = append(w.scopes, []string{strings.ToLower(name)})
		w.plan.shadowed = w.plan.shadowed || slices.Contains(w.known, strings.ToLower(name))
	}
	return len(list), nil
}

// dataType checks a type in a cast: a known id and, below it, only types.
func (w *walker) dataType(v any) error {
	obj, ok := v.(map[string]any)
	if !ok {
		return refuse("its syntax tree has a type that is not known here")
	}
	for key, value := range obj {
		switch key {
		case "id", "alias", "width", "scale", "size", "name", "type", "values_count", "values", "first":
			if err := scalars(key, value); err != nil {
				return err
			}
		case "catalog", "schema", "extension_info":
			if value != nil && value != "" {
				return refuse("it uses a type with a %s", key)
			}
		case "type_info", "child_type", "second":
			if value == nil {
				continue
			}
			if err := w.dataType(value); err != nil {
				return err
			}
		case "child_types":
			kids, _ := value.([]any)
			for _, kid := range kids {
				if err := w.dataType(kid); err != nil {
					return err
				}
			}
		case "user_type_modifiers": // constants, as the labels of an ENUM
			if err := data(key, value); err != nil {
				return err
			}
		default:
			return refuse("it uses %s of a type, which is not known here", key)
		}
	}
	return nil
}
