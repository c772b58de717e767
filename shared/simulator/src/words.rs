//! The word lists that names are put together from. All made up for this crate.

pub(crate) const FIRST_NAMES: &[&str] = &[
    "Amelia", "Bruno", "Chidi", "Dana", "Elif", "Farid", "Greta", "Hana", "Ines", "Jonas", "Kofi", "Leila",
    "Mateo", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Søren", "Tomás", "Uma", "Viktor", "Wanda",
    "Xiomara", "Yusuf", "Zoë", "Łukasz", "Renée", "美咲", "Dáithí",
];

pub(crate) const LAST_NAMES: &[&str] = &[
    "Abara",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Farrow",
    "Gallo",
    "Hughes",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Marsh",
    "Nguyễn",
    "O'Dowd",
    "Petrović",
    "Quist",
    "Rahman",
    "Sørensen",
    "Tanaka",
    "Ueda",
    "Vasquez",
    "Weiß",
    "Yilmaz",
    "Zamora",
    "Achterberg",
    "Bélanger",
    "山本",
];

pub(crate) const TRADE_NAMES: &[&str] = &[
    "Harbour Lane",
    "Copper Kettle",
    "Northfold",
    "Juniper & Oak",
    "Stillwater",
    "Redbrick",
    "Paper Crane",
    "Maple Row",
    "Blue Lantern",
    "Foxglove",
    "Granite Hill",
    "Tidewater",
    "Café Größe",
    "Old Quarry",
    "Bright Side",
    "Silver Birch",
    "Three Gables",
    "Windmill",
    "Été",
    "Lighthouse",
    "Cobble Street",
    "Étoile du Nord",
];

pub(crate) const TRADES: &[&str] = &[
    "Design Studio",
    "Bakery",
    "Dental Care",
    "Landscaping",
    "Books",
    "Veterinary Clinic",
    "Plumbing",
    "Architects",
    "Photography",
    "Yoga",
    "Catering",
    "Bike Repair",
    "Translations",
    "Carpentry",
    "Brewing Co.",
    "Law Office",
    "Music School",
    "Physiotherapy",
    "Ceramics",
];

/// City, province or state, country, postal code.
pub(crate) const CITIES: &[(&str, &str, &str, &str)] = &[
    ("Toronto", "Ontario", "Canada", "M4K 1P1"),
    ("Montréal", "Québec", "Canada", "H2X 1Y4"),
    ("Halifax", "Nova Scotia", "Canada", "B3J 2K9"),
    ("Vancouver", "British Columbia", "Canada", "V5T 3N2"),
    ("Portland", "Oregon", "United States", "97205"),
    ("Buffalo", "New York", "United States", "14201"),
    ("Austin", "Texas", "United States", "78702"),
    ("Köln", "", "Germany", "50667"),
    ("Galway", "", "Ireland", "H91 E2K3"),
    ("Leeds", "", "United Kingdom", "LS1 4AP"),
    ("大阪", "", "Japan", "530-0001"),
    ("", "", "", ""),
];

pub(crate) const STREETS: &[&str] = &[
    "Alder Street",
    "Bay Road",
    "Chapel Lane",
    "Dock Street",
    "Elm Avenue",
    "Ferry Road",
    "Garden Row",
    "Rue de la Montagne",
    "Hauptstraße",
    "Mill Lane",
    "Orchard Close",
    "Quay Street",
];

/// Name and description of what is sold.
pub(crate) const GOODS: &[(&str, &str)] = &[
    ("Consulting", "Half day on site"),
    ("Website care", "Monthly care plan, backups and updates"),
    ("Logo design", "Three drafts, two rounds of changes"),
    ("Copywriting", "Text for one page"),
    ("Photo session", "Two hours, twenty edited pictures"),
    ("Workshop", "Workshop for up to twelve people"),
    ("Hosting", "Managed hosting, one site"),
    ("Printing", "Flyers A5, 135 g, both sides"),
    ("Travel", "Train, return"),
    ("Translation", "Deutsch → English, per page"),
    ("Bookkeeping", "Monthly close"),
    ("Support", "Support hours, prepaid"),
    ("Catering", "Lunch \"buffet\" for twenty"),
    ("Repair", "Parts & labour"),
    ("Rush fee", ""),
];

pub(crate) const NOTES: &[&str] = &[
    "",
    "",
    "",
    "Thank you for your business.",
    "Please quote the invoice number.",
    "Net 30, as agreed.",
    "Merci beaucoup !",
    "Line one\nLine two",
    "Paid in person, see receipt.",
    "50% upfront — rest on delivery",
    "ご利用ありがとうございます",
];

pub(crate) const VENDORS: &[&str] = &[
    "Corner Fuel",
    "Paper & Pen",
    "Cloud Nine Hosting",
    "City Transit",
    "Nordic Power",
    "Quick Print",
    "Bistro Miro",
    "Rail Europe Desk",
    "Hammer & Nail",
    "Freeway Tolls",
    "Delivery Dan",
];

/// Group and category of expenses, as the profit and loss report nests them.
pub(crate) const CATEGORIES: &[(&str, &str)] = &[
    ("Car & Truck Expenses", "Gas"),
    ("Car & Truck Expenses", "Parking"),
    ("Office Expenses & Postage", "Office Supplies"),
    ("Office Expenses & Postage", "Software"),
    ("Travel", "Train"),
    ("Travel", "Hotel"),
    ("Meals & Entertainment", "Restaurants"),
    ("Rent or Lease", "Equipment"),
    ("Utilities & Internet", "Phone"),
    ("Other Expenses", "Bank Fees"),
];

/// Name and rate in thousandths of a percent.
pub(crate) const TAXES: &[(&str, i64)] = &[
    ("HST", 13_000),
    ("GST", 5_000),
    ("QST", 9_975),
    ("VAT", 20_000),
    ("PST", 7_000),
    ("Sales Tax", 8_875),
    ("Zero rated", 0),
    ("MwSt.", 19_000),
];

pub(crate) const SERVICES: &[&str] = &[
    "Development",
    "Design",
    "Meetings",
    "Project management",
    "Research",
    "Writing",
    "Administration",
    "Training",
    "Testing",
    "Support",
];

pub(crate) const PROJECTS: &[&str] = &[
    "Website relaunch",
    "Brand refresh",
    "Quarterly books",
    "Shop migration",
    "Annual report",
    "Kitchen fit-out",
    "Onboarding",
    "Garden plan",
    "Launch campaign",
    "Archiv-Umzug",
    "Data clean-up",
];

pub(crate) const PAYMENT_TYPES: &[&str] =
    &["Bank Transfer", "Credit Card", "Cash", "Check", "PayPal", "Other", "VISA", "MASTERCARD"];
