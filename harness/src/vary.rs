//! How the runs of a test part from their seed's: the lines of the file that `LAB_VARY` names.

use std::fs;

use report::{Drawn, Redraw, Source, Time, Variation};
use sim::{Clock, Stream};

use crate::settings::Settings;
use crate::t::Job;

/// The variations that the settings ask for, one for each run; none if they ask for none.
///
/// # Errors
/// If other settings don't go with it, if there is no such file, or it hasn't a variation for each run: what to do about it.
pub(crate) fn read(settings: &Settings) -> Result<Vec<Variation>, String> {
    let Some(path) = &settings.vary else { return Ok(Vec::new()) };
    let failed = |why: String| format!("failed to read LAB_VARY={path:?}: {why}\n");
    if settings.seed.is_none() || settings.clock == Clock::Real || settings.check_determinism {
        return Err(failed(
            "expected LAB_SEED to be set, which is the seed of all runs, and neither LAB_CLOCK=real nor \
             LAB_CHECK_DETERMINISM=1"
                .to_owned(),
        ));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let variations = Variation::read(&text).map_err(failed)?;
    match usize::try_from(settings.iters.get()) {
        Ok(runs) if runs <= variations.len() => Ok(variations),
        _ => Err(failed(format!(
            "it has {} variations, one a line, and LAB_ITERS asks for {} runs; expected one for each run",
            variations.len(),
            settings.iters
        ))),
    }
}

impl Job {
    /// The seed of a run: its number, unless all runs have one seed and differ in other ways.
    pub(crate) fn seed(&self, number: u64) -> u64 {
        self.settings.seed.filter(|_| self.is_varied()).unwrap_or(number)
    }

    /// Whether the runs part from their seed's.
    pub(crate) fn is_varied(&self) -> bool {
        self.settings.vary.is_some()
    }

    /// How a run parts from its seed's.
    pub(crate) fn variation(&self, number: u64) -> Variation {
        let line = number.wrapping_sub(self.settings.seed.unwrap_or(0));
        let line = usize::try_from(line).ok().and_then(|line| self.variations.get(line));
        line.cloned().unwrap_or_default()
    }
}

/// A run's settings, with all of its variation that isn't the network's.
pub(crate) fn settings(settings: sim::Settings, variation: &Variation) -> sim::Settings {
    let redraw = variation.redraw.map(|Redraw { at, number, only }| {
        let streams = match only {
            None => Source::ALL.into_iter().flat_map(streams).collect(),
            Some(source) => streams(source),
        };
        sim::Redraw { at_us: at.0, number, streams }
    });
    let draw = variation.draw.map(|draw| sim::DrawChange {
        at_us: draw.at.0,
        server: draw.server,
        number: draw.number,
    });
    let watch = variation.watch.map(|(from, until)| from.0..until.0);
    settings.redraw(redraw).change_draw(draw).watch_draws(watch)
}

fn streams(source: Source) -> Vec<Stream> {
    match source {
        Source::Script => vec![Stream::Script],
        Source::Network => vec![Stream::Network, Stream::Faults],
        Source::Servers => vec![Stream::Student, Stream::Runtime],
    }
}

/// What a run's servers drew, as its result has it.
pub(crate) fn draws(sim: &sim::Sim) -> Vec<Drawn> {
    let drawn = |drawn: sim::Drawn| Drawn {
        at: Time(drawn.at_us),
        server: drawn.server,
        words: drawn.words,
    };
    sim.draws().into_iter().map(drawn).collect()
}
