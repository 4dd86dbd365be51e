//! Rotation of words between memory banks and lanes.

use crate::common::words::Word;
use rust_hdl::prelude::*;

/// `out[l] = words[(l + amount) mod n]` for `n` words, a power of two up to 8. No register.
#[derive(LogicBlock)]
pub struct Rotate {
    /// Words by bank.
    pub words: Vec<Signal<In, Word>>,
    /// Bank of lane 0; only its low bits count.
    pub amount: Signal<In, Bits<3>>,
    /// Words by lane.
    pub out: Vec<Signal<Out, Word>>,
    _lanes: usize,
}

impl Rotate {
    /// A rotation of `lanes` words.
    #[must_use]
    pub fn new(lanes: usize) -> Self {
        assert!(
            lanes.is_power_of_two() && lanes <= 8,
            "1, 2, 4 or 8 words can be rotated"
        );
        Self {
            words: (0..lanes).map(|_| Signal::default()).collect(),
            amount: Default::default(),
            out: (0..lanes).map(|_| Signal::default()).collect(),
            _lanes: lanes,
        }
    }
}

impl Logic for Rotate {
    fn update(&mut self) {
        let amount = self.amount.val().index();
        for (lane, out) in self.out.iter_mut().enumerate() {
            out.next = self.words[(lane + amount) % self._lanes].val();
        }
    }

    fn connect(&mut self) {
        self.out.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let lanes = self._lanes;
        let assign = |amount: usize| -> String {
            (0..lanes)
                .map(|lane| format!(" out${lane} = words${};", (lane + amount) % lanes))
                .collect()
        };
        if lanes == 1 {
            return Verilog::Custom(format!("always @(*) begin{} end\n", assign(0)));
        }
        let bits = lanes.trailing_zeros();
        let cases: String = (0..lanes)
            .map(|amount| {
                let label = if amount + 1 == lanes {
                    "default".into()
                } else {
                    format!("{bits}'d{amount}")
                };
                format!("        {label}: begin{} end\n", assign(amount))
            })
            .collect();
        Verilog::Custom(format!(
            "always @(*) begin\n    case (amount[{}:0])\n{cases}    endcase\nend\n",
            bits - 1
        ))
    }
}
