"""How the bundle ``ct_organ_seg`` was made: trained and tested on phantoms alone, from a seed."""
