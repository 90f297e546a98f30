package store

// IsJSON reports whether the texts of columns of that name are.
func IsJSON(column string) bool { return jsonColumns[column] }
