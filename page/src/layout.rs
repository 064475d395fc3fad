//! Where things are from top to bottom: the same in the still picture and in the one that a script draws.

use serde::Serialize;

use crate::picture::Picture;

/// Heights and tops, in pixels. Each server's lane has, from top to bottom: its role, its marks, and the rows
/// of its calls that take long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The width of the names at the left.
    pub gutter: usize,
    /// The top of the curve; `None` if there is none.
    pub chance: Option<usize>,
    /// The top of the lane of the script's checks.
    pub checks: usize,
    /// The top of the lane of the script's faults.
    pub faults: usize,
    /// The height of either.
    pub band: usize,
    /// The tops of the servers' lanes.
    pub lanes: Vec<usize>,
    /// The height of a role.
    pub role: usize,
    /// The height of the marks.
    pub marks: usize,
    /// The height of a row.
    pub row: usize,
    /// The height of all.
    pub height: usize,
}

/// The height of the ruler at the top.
const RULER: usize = 26;

/// What lies between lanes.
const GAP: usize = 16;

impl Layout {
    /// Where the parts of `picture` are.
    #[must_use]
    pub fn of(picture: &Picture) -> Layout {
        let (band, role, marks, row) = (26, 22, 15, 12);
        let chance = picture.chance.as_ref().map(|_| RULER);
        let checks = chance.map_or(RULER, |top| top + band + 4);
        let faults = checks + band + 4;
        let mut top = faults + band + GAP;
        let mut lanes = Vec::new();
        for lane in &picture.lanes {
            lanes.push(top);
            // One row more for calls that have none of their own.
            let rows = if lane.rows > 0 { lane.rows * row + 4 } else { 0 };
            top += role + marks + rows + GAP;
        }
        Layout { gutter: 64, chance, checks, faults, band, lanes, role, marks, row, height: top }
    }
}
