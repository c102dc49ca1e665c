class LoRARequest:
    def __init__(self, lora_name, lora_int_id, lora_path=""):
        if lora_int_id < 1:
            raise ValueError("id must be > 0")
        self.lora_path = lora_path
