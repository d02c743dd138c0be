package finapitest

import "slices"

// category is one of finAPI's categories. Ids change between releases, so
// programs should go by the name.
type category struct {
	ID         int64   `json:"id"`
	Name       string  `json:"name"`
	ParentID   *int64  `json:"parentId,omitempty"`
	ParentName *string `json:"parentName,omitempty"`
	IsCustom   bool    `json:"isCustom"`
	Children   []int64 `json:"children,omitempty"`
}

const (
	categoryInsurance = 418
	categoryRent      = 378
	categoryHousing   = 376
	categoryTravel    = 408
	categorySalary    = 395
)

// categories is a small part of finAPI's tree; ids other than 418 are guesses.
func categories() []category {
	housing, parent := "Wohnen & Haushalt", int64(categoryHousing)
	return []category{
		{ID: categoryHousing, Name: housing, Children: []int64{categoryRent}},
		{ID: categoryRent, Name: "Miete", ParentID: &parent, ParentName: &housing},
		{ID: categorySalary, Name: "Lohn & Gehalt"},
		{ID: categoryTravel, Name: "Reisen & Verkehr"},
		{ID: categoryInsurance, Name: "Versicherung", Children: []int64{419, 420}},
	}
}

func categoryByID(id int64) *category {
	for _, c := range categories() {
		if c.ID == id {
			return &c
		}
	}
	return nil
}

// categorise sorts a booking into a category, as finAPI does when it imports.
// Most rows stay without one.
func categorise(b Booking) int64 {
	switch {
	case containsFold(b.Purpose, "miete"):
		return categoryRent
	case containsFold(b.Purpose, "gehalt"):
		return categorySalary
	case containsFold(b.Purpose, "parkhaus"), containsFold(b.Purpose, "hotel"):
		return categoryTravel
	}
	return 0
}

// inCategories reports whether a category is asked for; 0 stands for rows
// without a category.
func inCategories(id int64, wanted []int64, withChildren bool) bool {
	if slices.Contains(wanted, id) {
		return true
	}
	c := categoryByID(id)
	return withChildren && c != nil && c.ParentID != nil && slices.Contains(wanted, *c.ParentID)
}
